"""SageMaker endpoints: models, configurations, instances, deployments."""
