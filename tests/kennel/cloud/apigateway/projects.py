"""Templates of other people's shapes: REST and HTTP APIs, by SAM and resource by resource."""

REST = """
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties: {StageName: dev, Variables: {table: dogs}}
  Role: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {}}}
  Echo:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.handler
      Runtime: python3.13
      CodeUri: .
      Role: !GetAtt Role.Arn
      Events:
        Root: {Type: Api, Properties: {RestApiId: !Ref Api, Method: any, Path: /}}
        Dogs: {Type: Api, Properties: {RestApiId: !Ref Api, Method: get, Path: /dogs}}
        Dog: {Type: Api, Properties: {RestApiId: !Ref Api, Method: any, Path: "/dogs/{id}"}}
        Best: {Type: Api, Properties: {RestApiId: !Ref Api, Method: get, Path: /dogs/best}}
        Rest: {Type: Api, Properties: {RestApiId: !Ref Api, Method: get, Path: "/dogs/{proxy+}"}}
"""

HTTP = """
Resources:
  Web:
    Type: AWS::Serverless::HttpApi
    Properties:
      StageVariables: {table: dogs}
      CorsConfiguration:
        AllowOrigins: [https://a.example, "http://*"]
        AllowMethods: [GET, POST]
        AllowHeaders: [x-dog]
        ExposeHeaders: [x-cat]
        MaxAge: 5
  Prod: {Type: AWS::ApiGatewayV2::Stage, Properties: {ApiId: !Ref Web, StageName: prod}}
  Role: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {}}}
  Echo:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.handler
      Runtime: python3.13
      CodeUri: .
      Role: !GetAtt Role.Arn
      Events:
        Dog: {Type: HttpApi, Properties: {ApiId: !Ref Web, Method: get, Path: "/dogs/{id}"}}
        Rest: {Type: HttpApi, Properties: {ApiId: !Ref Web, Method: get, Path: "/dogs/{proxy+}"}}
        Old:
          Type: HttpApi
          Properties:
            {ApiId: !Ref Web, Method: post, Path: /old, PayloadFormatVersion: "1.0"}
        Other: {Type: HttpApi, Properties: {ApiId: !Ref Web}}
"""

#: As the CDK writes them: each path, method, route and integration is a resource.
BY_RESOURCES = """
Parameters:
  Functions:
    Type: String
    Default: >-
      arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:123456789012
Resources:
  Api: {Type: AWS::ApiGateway::RestApi, Properties: {Name: by resources}}
  Dogs:
    Type: AWS::ApiGateway::Resource
    Properties: {RestApiId: !Ref Api, ParentId: !GetAtt Api.RootResourceId, PathPart: dogs}
  Dog:
    Type: AWS::ApiGateway::Resource
    Properties: {RestApiId: !Ref Api, ParentId: !Ref Dogs, PathPart: "{id}"}
  GetDog:
    Type: AWS::ApiGateway::Method
    Properties:
      RestApiId: !Ref Api
      ResourceId: !Ref Dog
      HttpMethod: GET
      AuthorizationType: NONE
      Integration:
        Type: AWS_PROXY
        IntegrationHttpMethod: POST
        Uri: !Sub "${Functions}:function:echo-${!stageVariables.color}/invocations"
  Ping:
    Type: AWS::ApiGateway::Method
    Properties:
      RestApiId: !Ref Api
      ResourceId: !GetAtt Api.RootResourceId
      HttpMethod: ANY
      Integration:
        Type: MOCK
        RequestTemplates: {application/json: '{"statusCode": 201}'}
        IntegrationResponses:
          - StatusCode: 201
            ResponseTemplates: {application/json: '{"ok": true}'}
            ResponseParameters: {method.response.header.X-Mock: "'yes'"}
  Missing:
    Type: AWS::ApiGateway::GatewayResponse
    Properties: {RestApiId: !Ref Api, ResponseType: MISSING_AUTHENTICATION_TOKEN, StatusCode: 404}
  Deployment:
    Type: AWS::ApiGateway::Deployment
    Properties:
      RestApiId: !Ref Api
      StageName: blue
      StageDescription: {Variables: {color: blue}}
  Green:
    Type: AWS::ApiGateway::Stage
    Properties:
      RestApiId: !Ref Api
      StageName: green
      DeploymentId: !Ref Deployment
      Variables: {color: green}
  Web: {Type: AWS::ApiGatewayV2::Api, Properties: {Name: web, ProtocolType: HTTP}}
  Integration:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Web
      IntegrationType: AWS_PROXY
      IntegrationUri: arn:aws:lambda:us-east-1:123456789012:function:echo
      PayloadFormatVersion: "2.0"
  Route:
    Type: AWS::ApiGatewayV2::Route
    Properties:
      {ApiId: !Ref Web, RouteKey: "GET /cats/{id}", Target: !Sub "integrations/${Integration}"}
  Live: {Type: AWS::ApiGatewayV2::Stage, Properties: {ApiId: !Ref Web, StageName: live}}
"""
