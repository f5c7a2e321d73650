// Pairs of neighbours as 64-bit keys, and what is done with sorted keys.
//
// A key is (lower word << word_bits | higher word) << distance_bits | distance - 1. A pair is written
// once, for both directions. Every warp has a stretch of the input to itself and knows where its
// output begins from a pass that counted, so nothing depends on which warp is first.

#define FULL 0xFFFFFFFFu
#define STRETCH 512  // keys of a warp

typedef unsigned long long u64;
typedef long long i64;

__device__ __forceinline__ i64 thread_of_grid() {
    return (i64)blockIdx.x * blockDim.x + threadIdx.x;
}

__device__ __forceinline__ unsigned lanes_below() { return (1u << threadIdx.x % 32) - 1; }

// --- pairs

struct Pairs {
    const int* tokens;
    i64 n, fresh;
    int window, first, last;

    // Visit the pairs whose left token is `left`, all lanes of a warp at the same distance.
    template <class Visit>
    __device__ __forceinline__ void each(i64 left, i64 stop, Visit visit) const {
        int word = left < stop ? tokens[left] : -1;
        bool open = left < stop && word >= 0;
        for (int distance = 1; distance <= window; ++distance) {
            int other = -1;
            if (open && left + distance < n) {
                other = tokens[left + distance];
                open = other != -1;  // the end of a document
            } else {
                open = false;
            }
            if (!__any_sync(FULL, open)) return;
            const bool found = open && other >= 0 && left + distance >= fresh &&
                               ((word >= first && word < last) || (other >= first && other < last));
            visit(found, word, other, distance);
        }
    }
};

// How many pairs the 32 tokens of each warp begin.
extern "C" __global__ void count_pairs(const int* tokens, i64 n, i64 fresh, int window, int first,
                                       int last, i64 begin, i64 stop, i64* counts) {
    const i64 i = thread_of_grid();
    if (begin + i / 32 * 32 >= stop) return;
    i64 sum = 0;
    Pairs{tokens, n, fresh, window, first, last}.each(begin + i, stop, [&](bool found, int, int, int) {
        sum += __popc(__ballot_sync(FULL, found));
    });
    if (i % 32 == 0) counts[i / 32] = sum;
}

// Write the keys of the pairs; those of a warp begin at places[warp].
extern "C" __global__ void write_pairs(const int* tokens, i64 n, i64 fresh, int window, int first,
                                       int last, i64 begin, i64 stop, const i64* places,
                                       int word_bits, int distance_bits, u64* keys) {
    const i64 i = thread_of_grid();
    if (begin + i / 32 * 32 >= stop) return;
    i64 place = places[i / 32];
    Pairs{tokens, n, fresh, window, first, last}.each(
        begin + i, stop, [&](bool found, int word, int other, int distance) {
            const unsigned votes = __ballot_sync(FULL, found);
            if (found) {
                const u64 low = min(word, other), high = max(word, other);
                keys[place + __popc(votes & lanes_below())] =
                    (low << word_bits | high) << distance_bits | (u64)(distance - 1);
            }
            place += __popc(votes);
        });
}

// --- runs of equal keys

// What a key adds: values[k], or the weight of its distance.
struct Values {
    const i64* table;
    int shift;  // bits of the distance; 0: the table has one value a key

    __device__ __forceinline__ i64 of(const u64* keys, i64 k) const {
        return shift ? table[keys[k] & ((1ull << shift) - 1)] : table[k];
    }
};

// Of each warp's stretch: how many runs end in it, and the sum of its values.
extern "C" __global__ void count_runs(const u64* keys, i64 n, const i64* table, int shift, i64* runs,
                                      i64* sums) {
    const i64 warp = thread_of_grid() / 32, begin = warp * STRETCH;
    if (begin >= n) return;
    const Values values{table, shift};
    const i64 end = min(begin + STRETCH, n);
    i64 sum = 0;
    int ends = 0;
    for (i64 k = begin + threadIdx.x % 32; k < end; k += 32) {
        ends += k + 1 == n || keys[k] >> shift != keys[k + 1] >> shift;
        sum += values.of(keys, k);
    }
    ends = __reduce_add_sync(FULL, ends);
    for (int by = 16; by; by /= 2) sum += __shfl_xor_sync(FULL, sum, by);
    if (threadIdx.x % 32 == 0) {
        runs[warp] = ends;
        sums[warp] = sum;
    }
}

// The key of each run, and the sum of all values up to its end.
extern "C" __global__ void write_runs(const u64* keys, i64 n, const i64* table, int shift,
                                      const i64* runs, const i64* sums, u64* unique, i64* totals) {
    const i64 warp = thread_of_grid() / 32, begin = warp * STRETCH;
    if (begin >= n) return;
    const Values values{table, shift};
    const int lane = threadIdx.x % 32;
    i64 place = runs[warp], total = sums[warp];
    for (i64 k = begin + lane; k - lane < min(begin + STRETCH, n); k += 32) {
        const bool real = k < n;
        const bool ends = real && (k + 1 == n || keys[k] >> shift != keys[k + 1] >> shift);
        i64 sum = real ? values.of(keys, k) : 0;
        for (int by = 1; by < 32; by *= 2) {
            const i64 other = __shfl_up_sync(FULL, sum, by);
            if (lane >= by) sum += other;
        }
        const unsigned votes = __ballot_sync(FULL, ends);
        if (ends) {
            const i64 at = place + __popc(votes & lanes_below());
            unique[at] = keys[k] >> shift;
            totals[at] = total + sum;
        }
        place += __popc(votes);
        total += __shfl_sync(FULL, sum, 31);
    }
}

// --- merging

// Where `key` goes in sorted keys: how many are below it, or below or equal.
__device__ __forceinline__ i64 rank_of(const u64* keys, i64 n, u64 key, bool or_equal) {
    i64 low = 0, high = n;
    while (low < high) {
        const i64 middle = low + (high - low) / 2;
        if (keys[middle] < key || (or_equal && keys[middle] == key))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

// Two sorted lists in one; of equal keys, those of `a` come first.
extern "C" __global__ void merge_lists(const u64* a, const i64* a_values, i64 n_a, const u64* b,
                                       const i64* b_values, i64 n_b, u64* keys, i64* values) {
    const i64 i = thread_of_grid();
    if (i < n_a) {
        const i64 at = i + rank_of(b, n_b, a[i], false);
        keys[at] = a[i];
        values[at] = a_values[i];
    } else if (i - n_a < n_b) {
        const i64 j = i - n_a, at = j + rank_of(a, n_a, b[j], true);
        keys[at] = b[j];
        values[at] = b_values[j];
    }
}

// --- both directions

// A pair's lower and higher word; `high` says so of each, for a sort that keeps the order of lower.
extern "C" __global__ void split_keys(const u64* keys, i64 n, int word_bits, int* low, int* high) {
    const i64 k = thread_of_grid();
    if (k >= n) return;
    low[k] = (int)(keys[k] >> word_bits);
    high[k] = (int)(keys[k] & ((1ull << word_bits) - 1));
}

// Put each pair into the rows of both of its words: row i has its lower columns, by `order` (pairs
// by higher word, then by lower), then its higher ones.
extern "C" __global__ void place_pairs(const int* low, const int* high, const i64* sums, i64 n,
                                       const i64* order, const i64* low_starts,
                                       const i64* high_starts, const i64* starts, int* columns,
                                       i64* counts) {
    const i64 k = thread_of_grid();
    if (k >= n) return;
    i64 row = low[k];
    i64 at = starts[row] + (high_starts[row + 1] - high_starts[row]) + (k - low_starts[row]);
    columns[at] = high[k];
    counts[at] = sums[k];
    const i64 other = order[k];
    row = high[other];
    at = starts[row] + (k - high_starts[row]);
    columns[at] = low[other];
    counts[at] = sums[other];
}
