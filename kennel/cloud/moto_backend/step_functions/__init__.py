"""Step Functions: moto interprets definitions; executions start, end and are listed as on AWS."""
