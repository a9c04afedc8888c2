"""The `netra` command. Each subcommand is a module, imported when it runs."""
