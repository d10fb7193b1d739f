"""The rules of linewatch: `line` when alarms make a fault and when one is over, `area` which lines an area has."""
