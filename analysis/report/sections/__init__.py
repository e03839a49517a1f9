"""What each section of a report says: functions of its main model."""
