// Encoded rows (see kernels/reference/cooccurrence.py) read and written in parallel.
//
// A number of LEB128 ends at a byte below 0x80. A block looks at TILE bytes: it counts the numbers
// that end there, and, once the counts of all blocks are summed up, reads each from its last byte
// backwards. Rows are then cut out of the stream of numbers.

#define TILE 4096
#define HALO 16
#define LAST_COLUMN 0x7FFFFFFFll
#define FULL 0xFFFFFFFFu

typedef unsigned char byte;

__device__ __forceinline__ long long warp_of_grid() {
    return ((long long)blockIdx.x * blockDim.x + threadIdx.x) / 32;
}

// --- reading

extern "C" __global__ void count_numbers(const byte* data, long long size, long long* counts) {
    __shared__ int parts[8];
    const long long begin = (long long)blockIdx.x * TILE;
    int n = 0;
    for (int i = threadIdx.x; i < TILE; i += blockDim.x)
        n += begin + i < size && data[begin + i] < 0x80;
    n = __reduce_add_sync(FULL, n);
    if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = n;
    __syncthreads();
    if (threadIdx.x == 0) {
        int sum = 0;
        for (int w = 0; w < (int)blockDim.x / 32; ++w) sum += parts[w];
        counts[blockIdx.x] = sum;
    }
}

// Write number k of the stream: the first of a record, plus one, to steps[k / 2], the second to
// counts[k / 2]. `before` is how many numbers end before each tile. damaged gets a bit for a number
// of more than nine bytes, a column that int32 has not, a count of nothing.
extern "C" __global__ void read_numbers(const byte* data, long long size, const long long* before,
                                        long long* steps, long long* counts, int* damaged) {
    __shared__ byte bytes[HALO + TILE];
    __shared__ int sums[8];
    const long long begin = (long long)blockIdx.x * TILE;
    for (int i = threadIdx.x; i < HALO + TILE; i += blockDim.x) {
        const long long at = begin - HALO + i;
        // what is outside of the data ends a number, so that the first begins at byte 0
        bytes[i] = at >= 0 && at < size ? data[at] : (byte)0;
    }
    __syncthreads();
    const int each = TILE / blockDim.x, first = HALO + threadIdx.x * each;
    int n = 0;
    for (int i = first; i < first + each; ++i) n += begin + (i - HALO) < size && bytes[i] < 0x80;
    int sum = n;
    const int lane = threadIdx.x % 32;
    for (int by = 1; by < 32; by *= 2) {
        const int other = __shfl_up_sync(FULL, sum, by);
        if (lane >= by) sum += other;
    }
    if (lane == 31) sums[threadIdx.x / 32] = sum;
    __syncthreads();
    for (int w = 0; w < (int)threadIdx.x / 32; ++w) sum += sums[w];
    long long k = before[blockIdx.x] + sum - n;
    bool bad = false;
    for (int i = first; i < first + each; ++i) {
        if (begin + (i - HALO) >= size || bytes[i] >= 0x80) continue;
        unsigned long long value = bytes[i];
        int length = 1;
        while (length < 10 && bytes[i - length] >= 0x80) {
            value = value << 7 | (bytes[i - length] & 0x7F);
            ++length;
        }
        bad |= length > 9;
        if (k % 2) {
            bad |= value == 0;
            counts[k / 2] = (long long)value;
        } else {
            bad |= value > (unsigned long long)LAST_COLUMN;
            steps[k / 2] = bad ? 1 : (long long)value + 1;
        }
        ++k;
    }
    if (bad) atomicOr(damaged, 1);
}

// starts[i]: how many records lie before byte offsets[i]. A warp for each row's begin.
extern "C" __global__ void row_starts(const byte* data, const long long* before,
                                      const long long* offsets, long long n, long long* starts,
                                      int* damaged) {
    const long long row = warp_of_grid();
    if (row >= n) return;
    const long long end = offsets[row], tile = end / TILE;
    const int lane = threadIdx.x % 32;
    int numbers = 0;
    for (long long at = tile * TILE + lane; at < end; at += 32) numbers += data[at] < 0x80;
    numbers = __reduce_add_sync(FULL, numbers);
    if (lane) return;
    const long long all = before[tile] + numbers;
    if (all % 2 || (end > 0 && data[end - 1] >= 0x80)) atomicOr(damaged, 2);
    starts[row] = all / 2;
}

// Columns from running sums of steps; keys[k] = (row % modulus) << 31 | column, if keys are wanted.
extern "C" __global__ void number_columns(const long long* sums, const long long* starts,
                                          long long n_rows, long long modulus, long long n_words,
                                          int* columns, unsigned long long* keys, int with_keys,
                                          int* damaged) {
    const long long row = warp_of_grid();
    if (row >= n_rows) return;
    const long long begin = starts[row], end = starts[row + 1];
    const long long base = begin > 0 ? sums[begin - 1] : 0;
    bool bad = false;
    for (long long k = begin + threadIdx.x % 32; k < end; k += 32) {
        const long long column = sums[k] - base - 1;
        bad |= column < 0 || column >= n_words;
        columns[k] = (int)column;
        if (with_keys)
            keys[k] = (unsigned long long)(row % modulus) << 31 | (unsigned long long)column;
    }
    if (bad) atomicOr(damaged, 4);
}

// --- writing

__device__ __forceinline__ int bytes_of(unsigned long long value) {
    int n = 1;
    while (value >>= 7) ++n;
    return n;
}

__device__ __forceinline__ byte* put(byte* at, unsigned long long value) {
    for (; value >= 0x80; value >>= 7) *at++ = (byte)(value & 0x7F | 0x80);
    *at++ = (byte)value;
    return at;
}

__device__ __forceinline__ unsigned long long gap(const int* columns, long long k, long long begin) {
    return k > begin ? columns[k] - columns[k - 1] - 1 : columns[k];
}

// Bytes of each record. A warp for each row.
extern "C" __global__ void record_sizes(const int* columns, const long long* counts,
                                        const long long* starts, long long n_rows, byte* sizes) {
    const long long row = warp_of_grid();
    if (row >= n_rows) return;
    const long long begin = starts[row], end = starts[row + 1];
    for (long long k = begin + threadIdx.x % 32; k < end; k += 32)
        sizes[k] = (byte)(bytes_of(gap(columns, k, begin)) + bytes_of(counts[k]));
}

// Write each record; it ends before byte ends[k].
extern "C" __global__ void write_records(const int* columns, const long long* counts,
                                         const long long* starts, long long n_rows,
                                         const long long* ends, byte* data) {
    const long long row = warp_of_grid();
    if (row >= n_rows) return;
    const long long begin = starts[row], end = starts[row + 1];
    for (long long k = begin + threadIdx.x % 32; k < end; k += 32)
        put(put(data + (k ? ends[k - 1] : 0), gap(columns, k, begin)), counts[k]);
}
