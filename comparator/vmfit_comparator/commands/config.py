"""`vmfit config`: the settings in effect."""

from vmfit_comparator.settings import DEFAULT_PATH, KEYS
from vmfit_contract.command_line.config_command import config_command

command = config_command(KEYS, {}, DEFAULT_PATH)
