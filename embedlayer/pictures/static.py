"""x"""
def write(*a): raise NotImplementedError
