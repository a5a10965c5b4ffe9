"""SageMaker jobs: training, tuning and batch transform."""
