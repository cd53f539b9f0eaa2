"""The record of executions: events come in, runs are judged, what is due is missed."""
