"""`vmfit completion`: what completes its words in a shell."""

from vmfit_contract.command_line.completion import completion_command

command = completion_command()
