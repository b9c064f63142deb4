"""The command that looks at this machine: doctor."""
