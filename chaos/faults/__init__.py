"""One function a fault. Each is given the stack and a load that has not begun, and returns what is worth noting; it
raises `Broken` when its own promise does not hold. The invariants are looked at by whoever calls it."""
