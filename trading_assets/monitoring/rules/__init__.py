"""Rules of alerts: each looks at how things are, and returns what is wrong."""
