import { describe, expect, test } from 'vitest'
import { Acquaintances } from '../../../node/peers/acquaintances.ts'
import { SimRandom } from '../../sim/sim-random.ts'

describe('Acquaintances', () => {
  const strangers = Array.from({ length: 1000 }, (_, index) => `stranger ${index}`)
  const peers = ['sound', ...strangers, 'failed']

  function acquaintances() {
    const random = new SimRandom(1)
    const known = new Acquaintances(() => random.below(1000) / 1000)
    for (const peer of ['sound', 'failed', 'gone']) known.noteTalk(peer)
    known.noteFailure('failed')
    known.noteFailure('stranger 1')
    return known
  }

  test('draws those it met before those it only heard of, but those too', () => {
    const known = acquaintances()
    const counts = { sound: 0, failed: 0, strangers: 0 }
    for (let round = 0; round < 1000; round += 1) {
      const [peer = ''] = known.draw(peers, { count: 1, soundOnly: false })
      if (peer === 'sound' || peer === 'failed') counts[peer] += 1
      else counts.strangers += 1
    }
    expect(counts.sound).toBeGreaterThan(500)
    expect(counts.failed).toBeGreaterThan(150)
    expect(counts.strangers).toBeGreaterThan(50)
  })

  test('draws nobody twice, and as many as there are', () => {
    const known = acquaintances()
    const all = known.draw(peers, { count: 2000, soundOnly: false })
    expect(all.toSorted()).toEqual(peers.toSorted())
    expect(known.draw(peers, { count: 8, soundOnly: true })).toEqual(['sound'])
    expect(known.isSound('gone')).toBe(false)
  })
})
