"""Past one machine: texts counted and models trained by the workers of a Dask cluster.

The extra ``dask`` installs ``distributed``. ``docs/scaling_out.md`` says when to use it.
"""

from embedlayer.errors import extra_library

extra_library("distributed", "dask")  # what is missing is told before the modules here need it

from embedlayer.dask.corpus import DaskCorpus
from embedlayer.dask.train import ClusterTraining, train

__all__ = ["ClusterTraining", "DaskCorpus", "train"]
