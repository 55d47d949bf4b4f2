"""What the commands print: tables for people, and messages as JSON or YAML."""
