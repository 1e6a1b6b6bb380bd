/*
 * Intel ISA-L on the same cases: isal <k> <rows> <block size> <threads> <milliseconds>, prints MB/s of input.
 * Encoding and reconstruction are the same call with rows = n - k or the number of lost blocks. The blocks are coded
 * whole, and once more in runs of 16 KiB, which helps where k is large; the better of the two counts.
 */
#include <isa-l/erasure_code.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RUN_SIZE 16384

static int k, rows, size;
static double seconds;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec * 1e-9;
}

static void code(unsigned char *tables, unsigned char **blocks, int run) {
  unsigned char *at[256];
  for (int start = 0; start < size; start += run) {
    for (int i = 0; i < k + rows; i++) at[i] = blocks[i] + start;
    ec_encode_data(start + run < size ? run : size - start, k, rows, tables, at, at + k);
  }
}

static double speed(unsigned char *tables, unsigned char **blocks, int run) {
  double start, elapsed;
  long calls = 0;
  code(tables, blocks, run);
  start = now();
  do {
    code(tables, blocks, run);
    calls++;
    elapsed = now() - start;
  } while (elapsed < seconds);
  return (double)calls * k * size / elapsed / 1e6;
}

static void *work(void *result) {
  unsigned char *matrix = malloc((k + rows) * k), *tables = malloc(32 * k * rows), *blocks[256];
  gf_gen_cauchy1_matrix(matrix, k + rows, k);
  ec_init_tables(k, rows, matrix + k * k, tables);
  /* Apart by no multiple of a page, as ours are. */
  for (int i = 0; i < k + rows; i++) {
    char *block = aligned_alloc(64, size + 4096);
    memset(block, i + 1, size + 4096);
    blocks[i] = (unsigned char *)block + i % 12 * 320;
  }
  double whole = speed(tables, blocks, size), runs = speed(tables, blocks, RUN_SIZE);
  *(double *)result = whole > runs ? whole : runs;
  return NULL;
}

int main(int count, char **arguments) {
  if (count != 6) return 2;
  k = atoi(arguments[1]), rows = atoi(arguments[2]), size = atoi(arguments[3]);
  int threads = atoi(arguments[4]);
  seconds = atoi(arguments[5]) / 1000.0;
  pthread_t handles[256];
  double results[256], sum = 0;
  for (int i = 0; i < threads; i++) pthread_create(&handles[i], NULL, work, &results[i]);
  for (int i = 0; i < threads; i++) {
    pthread_join(handles[i], NULL);
    sum += results[i];
  }
  printf("%f\n", sum);
  return 0;
}
