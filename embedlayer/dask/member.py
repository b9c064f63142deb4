"""What a worker does in a training run: its share of the replicas, in one task."""

from dataclasses import asdict, replace
from typing import Any, NamedTuple

import distributed
import numpy as np

from embedlayer.dask.corpus import DaskCorpus
from embedlayer.dask.group import Group, Process
from embedlayer.dask.mail import NAME, Mail
from embedlayer.dask.rounds import ClusterRounds
from embedlayer.errors import EmbedlayerError
from embedlayer.models.options import Word2Vec
from embedlayer.training.checkpoint import checkpoints_in, read_checkpoint
from embedlayer.training.collective import LostReplica
from embedlayer.training.epoch import Pass
from embedlayer.training.plan import megabytes
from embedlayer.training.replicas import Merging
from embedlayer.training.report import Progress
from embedlayer.training.run import Training
from embedlayer.training.saving import Saving
from embedlayer.training.state import State
