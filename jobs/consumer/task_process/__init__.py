"""Tasks in processes of their own: spawned, reused, killed at their time limit."""
