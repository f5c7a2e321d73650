// The n best scores of each row, by selection on 64-bit keys: a score's bits turned so that a higher
// score is a smaller number, then the column. Keys differ, so that the n-th smallest cuts off
// exactly n, whatever order the threads come in; the few that are kept are sorted afterwards.

typedef unsigned long long u64;
typedef long long i64;

#define NOTHING 0xFFFFFFFFFFFFFFFFull

__device__ __forceinline__ u64 key_of(float score, float minimum, i64 column, i64 own) {
    if (!(score >= minimum) || column == own) return NOTHING;  // NaN is not >= either
    unsigned bits = __float_as_uint(score + 0.0f);             // -0 is 0
    bits = bits & 0x80000000u ? bits : ~(bits | 0x80000000u);
    return (u64)bits << 32 | (u64)column;
}

// A block for each row. owns[row] is a column that is left out, or -1. keys (n_rows, n) are written
// in any order, sizes[row] of them.
extern "C" __global__ void select_best(const float* scores, i64 n_columns, const i64* owns, i64 n,
                                       float minimum, i64* sizes, u64* keys) {
    __shared__ unsigned bins[256];
    __shared__ u64 prefix;
    __shared__ i64 wanted;
    __shared__ unsigned taken;
    const i64 row = blockIdx.x, own = owns[row];
    scores += row * n_columns;
    if (threadIdx.x == 0) {
        prefix = 0;
        wanted = n;
        taken = 0;
    }
    int shift = 56;
    for (;; shift -= 8) {  // narrow the n-th smallest key down by a byte
        for (int b = threadIdx.x; b < 256; b += blockDim.x) bins[b] = 0;
        __syncthreads();
        for (i64 c = threadIdx.x; c < n_columns; c += blockDim.x) {
            const u64 key = key_of(scores[c], minimum, c, own);
            if (key != NOTHING && (shift == 56 || key >> (shift + 8) == prefix))
                atomicAdd(&bins[key >> shift & 255], 1u);
        }
        __syncthreads();
        if (threadIdx.x == 0) {
            i64 left = wanted;
            int b = 0;
            while (b < 255 && bins[b] < left) left -= bins[b++];
            prefix = prefix << 8 | b;
            wanted = left;
        }
        __syncthreads();
        // a bin that is taken whole (or that ends the row) needs no narrowing
        const bool whole = bins[prefix & 255] <= wanted;
        __syncthreads();
        if (whole || shift == 0) break;
    }
    const u64 last = shift == 0 ? prefix : ((prefix + 1) << shift) - 1;
    for (i64 c = threadIdx.x; c < n_columns; c += blockDim.x) {
        const u64 key = key_of(scores[c], minimum, c, own);
        if (key != NOTHING && key <= last) keys[row * n + atomicAdd(&taken, 1u)] = key;
    }
    __syncthreads();
    if (threadIdx.x == 0) sizes[row] = taken;
}

// Column and score of each kept key, of row rows[k].
extern "C" __global__ void read_best(const u64* keys, const i64* rows, i64 n, const float* scores,
                                     i64 n_columns, int* columns, float* values) {
    const i64 k = (i64)blockIdx.x * blockDim.x + threadIdx.x;
    if (k >= n) return;
    columns[k] = (int)(keys[k] & 0xFFFFFFFFull);
    values[k] = scores[rows[k] * n_columns + columns[k]];
}
