"""API Gateway: REST APIs, gateway responses, usage plans."""
