"""One module a task: perceptions to the messages of its topics."""
