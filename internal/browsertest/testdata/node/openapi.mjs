// Says what is wrong with an OpenAPI document, by the schema of the OpenAPI Initiative.
import { Validator } from '@seriousme/openapi-schema-validator'

const result = await new Validator().validate(process.argv[2])
if (!result.valid) {
  console.log(JSON.stringify(result.errors, null, 1))
  process.exit(1)
}
