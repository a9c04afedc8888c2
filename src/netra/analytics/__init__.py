"""What a usage log says, as figures: functions over its rows that tools and agents share. None of them writes prose."""
