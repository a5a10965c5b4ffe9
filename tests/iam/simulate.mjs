// May a role do that? node simulate.mjs SIMULATOR_FOLDER < {"policies": {role: policy}, "cases": [...]}
//
// A case is {"role", "action", "resource", "context"}. The answer is a list: "Allowed", "ImplicitlyDenied",
// "ExplicitlyDenied", or "error: ..." where the simulator knows that action and resource do not belong together.
import fs from 'fs'
import path from 'path'
import { createRequire } from 'module'

const require = createRequire(path.join(path.resolve(process.argv[2]), 'package.json'))
const { runSimulation } = require('@cloud-copilot/iam-simulate')
const { policies, cases } = JSON.parse(fs.readFileSync(0))
const answers = []
// A key's default policy: the account's own policies decide. Without one KMS allows nobody anything.
const keyPolicy = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { AWS: 'arn:aws:iam::123456789012:root' }, Action: 'kms:*', Resource: '*' }],
}
for (const { role, action, resource, context } of cases) {
  const accountId = '123456789012' // always the role's own: what another account's policies say is not asked here
  const result = await runSimulation({
    identityPolicies: [{ name: role, policy: policies[role] }],
    serviceControlPolicies: [],
    resourceControlPolicies: [],
    resourcePolicy: action.startsWith('kms:') ? keyPolicy : undefined,
    request: {
      principal: `arn:aws:sts::123456789012:assumed-role/${role}/session`,
      action,
      resource: { resource, accountId },
      contextVariables: context,
    },
  }, {})
  answers.push(result.overallResult ?? `error: ${JSON.stringify(result.errors ?? result)}`)
}
console.log(JSON.stringify(answers))
