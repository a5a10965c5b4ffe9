"""What every service shares: clock, processes, stored state, faults and error answers."""
