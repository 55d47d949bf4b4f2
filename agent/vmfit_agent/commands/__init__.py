"""The commands of vmfit-agent, each imported only when it runs."""
