import { storageServerContract } from '../../contracts/storage-server.ts'
import { diskHarness, memoryHarness, smallShareHarness } from '../../support/storages.ts'

storageServerContract('local, in memory', memoryHarness)
storageServerContract('local, small shares in the index', smallShareHarness)
storageServerContract('local, on a disk', diskHarness)
