"""The stage after the verdict: running accounts, what they order for the next session, what a broker made of it."""
