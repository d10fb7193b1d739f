"""The rules of linewatch: `line` when alarms make a fault and when one is over, `area` which lines an area has,
`incident` whose line is meant where a recovery does not say."""
