"""vmfit-agent config: the settings in effect."""

from vmfit_agent.settings import DEFAULT_PATH, KEYS, OPTIONS
from vmfit_contract.command_line.config_command import config_command

command = config_command(KEYS, OPTIONS, DEFAULT_PATH)
