import { storageServerContract } from '../../contracts/storage-server.ts'
import { diskHarness, memoryHarness } from '../../support/storages.ts'

storageServerContract('local, in memory', memoryHarness)
storageServerContract('local, on a disk', diskHarness)
