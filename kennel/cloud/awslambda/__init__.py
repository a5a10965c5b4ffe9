"""AWS Lambda: functions in AWS's Runtime Interface Emulator."""
