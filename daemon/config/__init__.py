"""The configuration file: `load()` gives a Config, or a ConfigError with everything that is wrong."""

from daemon.config.load import Config, load
from daemon.config.options import CheckSettings
from daemon.config.problems import ConfigError, Problem
from daemon.config.secrets import HIDDEN, Secret

__all__ = ["HIDDEN", "CheckSettings", "Config", "ConfigError", "Problem", "Secret", "load"]
