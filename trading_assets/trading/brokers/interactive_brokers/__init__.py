"""The broker Interactive Brokers, by a Trader Workstation or IB Gateway that runs; extra `interactive_brokers`."""
