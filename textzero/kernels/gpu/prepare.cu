// What the solver is given: matrices of bfloat16, counts as logarithms and weights.

typedef long long i64;

// Two numbers in each word, as `pack` of kernels/reference/least_squares.py says; the high half is
// rounded so that the whole word is nearest to it.
extern "C" __global__ void pack_words(const float* matrix, i64 n_words, unsigned* packed) {
    const i64 word = (i64)blockIdx.x * blockDim.x + threadIdx.x;
    if (word >= n_words) return;
    const i64 at = word / 16 * 32 + word % 16;
    const i64 first = __float_as_uint(matrix[at]), second = __float_as_uint(matrix[at + 16]);
    const i64 lower = ((first + 0x7FFF + (first >> 16 & 1)) >> 16) & 0xFFFF;
    const i64 sign = second >> 31 << 15;  // kept, lest a negative zero become a NaN
    const i64 upper = max((second - lower + 0x8000) >> 16, sign);
    packed[word] = (unsigned)(upper << 16 | lower);
}

// ln x and the weight of each count, made in double.
extern "C" __global__ void measure_counts(const i64* counts, i64 n, double unit, double x_max,
                                          double exponent, int truncate, double weight_offset,
                                          float* logs, float* weights) {
    const i64 k = (i64)blockIdx.x * blockDim.x + threadIdx.x;
    if (k >= n) return;
    const double x = (double)counts[k] * unit;
    double weight = pow(x / x_max, exponent);
    if (truncate) weight = min(weight, 1.0);
    logs[k] = (float)log(x);
    weights[k] = (float)(weight + weight_offset);
}
