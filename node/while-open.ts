/**
 * Resources that are let go of when the work with them has ended, however it ended. Functions and not `using`
 * declarations: Node 22 does not know those, and the sources run there as they are.
 */

export async function whileOpen<Resource extends AsyncDisposable, Result>(
  resource: Resource,
  work: (resource: Resource) => Promise<Result>,
): Promise<Result> {
  try {
    return await work(resource)
  } finally {
    await resource[Symbol.asyncDispose]()
  }
}

/** Steps of taking apart what was put together, last first. A step that fails does not keep the others from theirs. */
export class ClosingSteps implements AsyncDisposable {
  readonly #steps: (() => Promise<void>)[] = []

  add(step: () => Promise<void>): void {
    this.#steps.push(step)
  }

  addResource<Resource extends AsyncDisposable>(resource: Resource): Resource {
    this.add(async () => resource[Symbol.asyncDispose]())
    return resource
  }

  /** @throws the first error, when every step was tried */
  async [Symbol.asyncDispose](): Promise<void> {
    const errors: unknown[] = []
    for (const step of this.#steps.splice(0).reverse()) {
      try {
        await step()
      } catch (error) {
        errors.push(error)
      }
    }
    if (errors.length > 0) throw errors[0]
  }
}
