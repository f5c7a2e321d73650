// Runs CUDA C++ on the processor, for tests: g++ compiles a .cu file with this header in front.
//
// A block's threads are fibers of one system thread, so that __syncthreads and the warp functions
// are points where a fiber waits. Blocks, and threads between two such points, run in an order that
// the seed of a launch shuffles. What a GPU leaves undefined is an error here: a warp function whose
// mask names a thread that has ended or does not exist, threads of a warp at different functions, a
// barrier that some never reach, a shuffle from a lane outside the mask, an argument of another type.
// Not here: __activemask, textures, asm, cooperative groups, several blocks at once.
#pragma once
#include <csetjmp>
#include <csignal>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <type_traits>
#include <ucontext.h>
#include <utility>
#include <vector>

#define CUDA_EMULATION 1
#define __global__
#define __device__
#define __host__
#define __constant__ static
#define __shared__ static
#define __forceinline__ inline
#define __noinline__ __attribute__((noinline))
#define __restrict__ __restrict
#define __align__(n) __attribute__((aligned(n)))
#define __launch_bounds__(...)

struct dim3 { unsigned x = 1, y = 1, z = 1; };
struct uint3 { unsigned x, y, z; };
#define EMULATE_VECTOR(base, name)                                                             \
    struct __align__(2 * sizeof(base)) name##2 { base x, y; };                                 \
    struct __align__(sizeof(base) < 8 ? 4 * sizeof(base) : 16) name##4 { base x, y, z, w; };   \
    inline name##2 make_##name##2(base x, base y) { return {x, y}; }                           \
    inline name##4 make_##name##4(base x, base y, base z, base w) { return {x, y, z, w}; }
EMULATE_VECTOR(float, float)
EMULATE_VECTOR(double, double)
EMULATE_VECTOR(int, int)
EMULATE_VECTOR(unsigned, uint)
EMULATE_VECTOR(short, short)
EMULATE_VECTOR(unsigned short, ushort)
EMULATE_VECTOR(unsigned char, uchar)
EMULATE_VECTOR(long long, longlong)
EMULATE_VECTOR(unsigned long long, ulonglong)
struct float3 { float x, y, z; };
struct int3 { int x, y, z; };

static uint3 threadIdx, blockIdx;
static dim3 blockDim, gridDim;
static const int warpSize = 32;

namespace emulation {

struct Rendezvous {  // of the lanes of a mask, again and again
    unsigned mask = 0, arrived = 0;
    unsigned long generation = 0;
    int operation = 0;
    alignas(16) unsigned char slots[2][32][16];
};
struct Fiber {
    jmp_buf here;
    ucontext_t begin;
    std::vector<char> stack;
    uint3 index;
    bool begun = false, done = false;
};
struct Warp { unsigned exist, ended; std::vector<Rendezvous> meetings; };

static std::vector<Fiber> fibers;
static std::vector<Warp> warps;
static std::vector<unsigned char> dynamic;
static unsigned n_threads, current, alive, waiting;
static unsigned long barrier_generation, progress;
static int barrier_votes, barrier_result[3];
static jmp_buf scheduler, launcher;
static ucontext_t unused;
static char message[400];
static uint64_t state;
static void (*body)(void*);
static void* body_arguments;

inline unsigned random_below(unsigned n) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return unsigned((state >> 33) % n);
}
[[noreturn]] inline void fail(const char* what) {
    std::snprintf(message, sizeof message, "%s (block %u %u %u, thread %u %u %u)", what, blockIdx.x,
                  blockIdx.y, blockIdx.z, threadIdx.x, threadIdx.y, threadIdx.z);
    _longjmp(launcher, 1);
}
__attribute__((noipa)) inline void yield() {
    if (_setjmp(fibers[current].here) == 0) _longjmp(scheduler, 1);
}
// A fiber is begun once, and runs the kernel for one thread after another.
__attribute__((noipa)) inline void run_fiber() {
    for (;;) {
        body(body_arguments);
        fibers[current].done = true;
        warps[current / 32].ended |= 1u << current % 32;
        --alive;
        ++progress;
        yield();
    }
}
__attribute__((noipa)) inline void resume(unsigned thread) {
    current = thread;
    threadIdx = fibers[thread].index;
    if (_setjmp(scheduler)) return;
    if (fibers[thread].begun) _longjmp(fibers[thread].here, 1);
    Fiber& fiber = fibers[thread];
    fiber.begun = true;
    fiber.stack.resize(1 << 16);
    getcontext(&fiber.begin);
    fiber.begin.uc_stack.ss_sp = fiber.stack.data();
    fiber.begin.uc_stack.ss_size = fiber.stack.size();
    fiber.begin.uc_link = &unused;
    makecontext(&fiber.begin, run_fiber, 0);
    setcontext(&fiber.begin);
}
// A barrier opens when every thread that has not ended waits at it.
inline int barrier(bool vote) {
    const unsigned long generation = barrier_generation;
    if (waiting == 0) barrier_votes = 0;
    barrier_votes += vote;
    ++waiting;
    ++progress;
    while (barrier_generation == generation) yield();
    return barrier_result[0];
}
inline void open_barrier() {
    if (waiting && waiting == alive) {
        barrier_result[0] = barrier_votes;
        barrier_result[1] = alive;
        waiting = 0;
        ++barrier_generation;
        ++progress;
    }
}
inline void run_block() {
    std::vector<unsigned> order(n_threads);
    for (unsigned i = 0; i < n_threads; ++i) order[i] = i;
    alive = n_threads;
    waiting = 0;
    while (alive) {
        for (unsigned i = n_threads - 1; i > 0; --i) std::swap(order[i], order[random_below(i + 1)]);
        const unsigned long before = progress;
        for (unsigned thread : order)
            if (!fibers[thread].done) resume(thread);
        open_barrier();
        if (progress == before)
            fail("a deadlock: threads wait for others that wait elsewhere, or that have ended");
    }
}
template <class T>
inline const unsigned char (*meet(unsigned mask, const T& value, int operation))[16] {
    static_assert(sizeof(T) <= 16);
    const unsigned lane = current % 32;
    Warp& warp = warps[current / 32];
    if (!(mask >> lane & 1)) fail("a warp function's mask must name the thread that calls it");
    if (mask & ~warp.exist) fail("a warp function's mask names threads that do not exist");
    if (mask & warp.ended) fail("a warp function's mask names a thread that has ended");
    size_t at = 0;
    while (at < warp.meetings.size() && warp.meetings[at].mask != mask) ++at;
    if (at == warp.meetings.size()) {
        warp.meetings.emplace_back();
        warp.meetings[at].mask = mask;
    }
    Rendezvous* meeting = &warp.meetings[at];
    const unsigned long generation = meeting->generation;
    if (meeting->arrived == 0) meeting->operation = operation;
    if (meeting->operation != operation) fail("threads of a warp meet at different functions");
    std::memcpy(meeting->slots[generation & 1][lane], &value, sizeof value);
    meeting->arrived |= 1u << lane;
    ++progress;
    if (meeting->arrived == mask) {
        meeting->arrived = 0;
        ++meeting->generation;
    } else {
        while (warps[current / 32].meetings[at].generation == generation) yield();
    }
    return warps[current / 32].meetings[at].slots[generation & 1];
}
template <class T>
inline T shuffle(unsigned mask, T value, int from, int operation) {
    const unsigned char(*slots)[16] = meet(mask, value, operation);
    if (!(mask >> from & 1)) fail("a shuffle reads a lane outside its mask");
    T found;
    std::memcpy(&found, slots[from], sizeof found);
    return found;
}
template <class T, class F>
inline T reduce(unsigned mask, T value, int operation, F add) {
    const unsigned char(*slots)[16] = meet(mask, value, operation);
    T total{}, next;
    bool first = true;
    for (int lane = 0; lane < 32; ++lane)
        if (mask >> lane & 1) {
            std::memcpy(&next, slots[lane], sizeof next);
            total = first ? next : add(total, next);
            first = false;
        }
    return total;
}

// While it lives, a fault of a kernel is an error of its launch.
struct Guard {
    struct sigaction before;
    stack_t stack_before;
    Guard() {
        static char alternate[1 << 16];
        stack_t stack{};
        stack.ss_sp = alternate;
        stack.ss_size = sizeof alternate;
        sigaltstack(&stack, &stack_before);
        struct sigaction ours{};
        ours.sa_handler = [](int) { fail("memory that is not there is read or written"); };
        ours.sa_flags = SA_ONSTACK | SA_NODEFER;
        sigaction(SIGSEGV, &ours, &before);
    }
    ~Guard() {
        sigaction(SIGSEGV, &before, nullptr);
        sigaltstack(&stack_before, nullptr);
    }
};

// What Python says of an argument: p/i/f for pointer, integer, real; for a pointer, of what; size.
struct Argument { const void* value; char kind, of; int size; };

template <class A>
inline bool fits(const Argument& argument) {
    if constexpr (std::is_pointer_v<A>) {
        using E = std::remove_cv_t<std::remove_pointer_t<A>>;
        if (argument.kind != 'p') return false;
        if constexpr (std::is_arithmetic_v<E>)
            return sizeof(E) == argument.size && std::is_floating_point_v<E> == (argument.of == 'f');
        return true;
    } else {
        return sizeof(A) == argument.size && argument.kind == (std::is_floating_point_v<A> ? 'f' : 'i');
    }
}
template <class... A, size_t... I>
inline const char* launch(void (*kernel)(A...), const unsigned* grid, const unsigned* block,
                          size_t shared, const Argument* arguments, int n, uint64_t seed,
                          std::index_sequence<I...>) {
    if (n != int(sizeof...(A))) {
        std::snprintf(message, sizeof message, "takes %d arguments, got %d", int(sizeof...(A)), n);
        return message;
    }
    const bool good[] = {fits<A>(arguments[I])..., true};
    for (int i = 0; i < n; ++i)
        if (!good[i]) {
            std::snprintf(message, sizeof message, "argument %d is of another type than the kernel's", i);
            return message;
        }
    struct Call { void (*kernel)(A...); const Argument* arguments; } call{kernel, arguments};
    body = [](void* pointer) {
        const Call& c = *static_cast<Call*>(pointer);
        c.kernel(*static_cast<const std::remove_reference_t<A>*>(c.arguments[I].value)...);
    };
    body_arguments = &call;
    state = seed * 2 + 1;
    gridDim = {grid[0], grid[1], grid[2]};
    blockDim = {block[0], block[1], block[2]};
    n_threads = block[0] * block[1] * block[2];
    if (n_threads < 1 || n_threads > 1024) return "a block has 1 to 1024 threads";
    if (fibers.size() < n_threads) fibers.resize(n_threads);
    for (unsigned t = 0; t < n_threads; ++t)
        fibers[t].index = {t % block[0], t / block[0] % block[1], t / block[0] / block[1]};
    dynamic.resize(shared + 64);
    Guard guard;
    if (_setjmp(launcher)) {
        for (Fiber& fiber : fibers) fiber.begun = false;  // they stand in the middle of something
        return message;
    }
    const unsigned n_blocks = grid[0] * grid[1] * grid[2];
    std::vector<unsigned> order(n_blocks);
    for (unsigned i = 0; i < n_blocks; ++i) order[i] = i;
    for (unsigned i = n_blocks; i-- > 1;) std::swap(order[i], order[random_below(i + 1)]);
    for (unsigned b : order) {
        blockIdx = {b % grid[0], b / grid[0] % grid[1], b / grid[0] / grid[1]};
        std::memset(dynamic.data(), 0xCD, dynamic.size());
        warps.assign((n_threads + 31) / 32, Warp{0, 0, {}});
        for (unsigned t = 0; t < n_threads; ++t) {
            fibers[t].done = false;
            warps[t / 32].exist |= 1u << t % 32;
        }
        run_block();
    }
    return nullptr;
}
template <class... A>
inline const char* launch(void (*kernel)(A...), const unsigned* grid, const unsigned* block,
                          size_t shared, const Argument* arguments, int n, uint64_t seed) {
    return launch(kernel, grid, block, shared, arguments, n, seed, std::index_sequence_for<A...>{});
}
inline void* dynamic_shared() {
    return reinterpret_cast<void*>((reinterpret_cast<uintptr_t>(dynamic.data()) + 31) / 32 * 32);
}
}  // namespace emulation

#define EMULATE_LAUNCH(kernel)                                                                 \
    extern "C" const char* launch_##kernel(const unsigned* grid, const unsigned* block,        \
                                           size_t shared, const emulation::Argument* arguments, \
                                           int n, uint64_t seed) {                             \
        return emulation::launch(kernel, grid, block, shared, arguments, n, seed);             \
    }

// --- barriers and warp functions

inline void __syncthreads() { emulation::barrier(false); }
inline int __syncthreads_count(int vote) { return emulation::barrier(vote != 0); }
inline int __syncthreads_or(int vote) { return emulation::barrier(vote != 0) > 0; }
inline int __syncthreads_and(int vote) { return emulation::barrier(vote == 0) == 0; }
inline void __syncwarp(unsigned mask = ~0u) { emulation::meet(mask, 0, 1); }
inline void __threadfence() {}
inline void __threadfence_block() {}
inline unsigned __ballot_sync(unsigned mask, int vote) {
    return emulation::reduce(mask, (vote ? 1u : 0u) << emulation::current % 32, 2,
                             [](unsigned a, unsigned b) { return a | b; });
}
inline int __any_sync(unsigned mask, int vote) {
    return emulation::reduce(mask, int(vote != 0), 3, [](int a, int b) { return a | b; });
}
inline int __all_sync(unsigned mask, int vote) {
    return emulation::reduce(mask, int(vote != 0), 4, [](int a, int b) { return a & b; });
}
template <class T> inline T __reduce_add_sync(unsigned mask, T value) {
    static_assert(std::is_same_v<T, int> || std::is_same_v<T, unsigned>);
    return emulation::reduce(mask, value, 5, [](T a, T b) { return T(a + b); });
}
template <class T> inline T __reduce_max_sync(unsigned mask, T value) {
    static_assert(std::is_same_v<T, int> || std::is_same_v<T, unsigned>);
    return emulation::reduce(mask, value, 6, [](T a, T b) { return a < b ? b : a; });
}
template <class T> inline T __reduce_min_sync(unsigned mask, T value) {
    static_assert(std::is_same_v<T, int> || std::is_same_v<T, unsigned>);
    return emulation::reduce(mask, value, 7, [](T a, T b) { return b < a ? b : a; });
}
template <class T> inline unsigned __match_any_sync(unsigned mask, T value) {
    const unsigned char(*slots)[16] = emulation::meet(mask, value, 8);
    unsigned same = 0;
    for (int lane = 0; lane < 32; ++lane)
        if (mask >> lane & 1 && !std::memcmp(slots[lane], &value, sizeof value)) same |= 1u << lane;
    return same;
}
template <class T> inline T __shfl_sync(unsigned mask, T value, int from, int width = 32) {
    const int lane = emulation::current % 32;
    return emulation::shuffle(mask, value, (lane & -width) + (from & (width - 1)), 9);
}
template <class T> inline T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32) {
    const int lane = emulation::current % 32, from = lane ^ bits;
    return emulation::shuffle(mask, value, from < (lane & -width) + width ? from : lane, 10);
}
template <class T> inline T __shfl_down_sync(unsigned mask, T value, unsigned by, int width = 32) {
    const int lane = emulation::current % 32, from = lane + int(by);
    return emulation::shuffle(mask, value, from < (lane & -width) + width ? from : lane, 11);
}
template <class T> inline T __shfl_up_sync(unsigned mask, T value, unsigned by, int width = 32) {
    const int lane = emulation::current % 32, from = lane - int(by);
    return emulation::shuffle(mask, value, from >= (lane & -width) ? from : lane, 12);
}

// --- memory, bits, arithmetic

template <class T> inline T __ldg(const T* at) { return *at; }
template <class T> inline T __ldcs(const T* at) { return *at; }
template <class T> inline T __ldcg(const T* at) { return *at; }
template <class T> inline T __ldca(const T* at) { return *at; }
template <class T> inline void __stcs(T* at, T value) { *at = value; }
template <class T> inline void __stcg(T* at, T value) { *at = value; }
template <class T> inline T atomicAdd(T* at, std::type_identity_t<T> by) { T old = *at; *at = T(old + by); return old; }
template <class T> inline T atomicMax(T* at, std::type_identity_t<T> by) { T old = *at; *at = old < by ? by : old; return old; }
template <class T> inline T atomicMin(T* at, std::type_identity_t<T> by) { T old = *at; *at = by < old ? by : old; return old; }
template <class T> inline T atomicOr(T* at, std::type_identity_t<T> by) { T old = *at; *at = old | by; return old; }
template <class T> inline T atomicExch(T* at, std::type_identity_t<T> by) { T old = *at; *at = by; return old; }
template <class T> inline T atomicCAS(T* at, std::type_identity_t<T> old, std::type_identity_t<T> by) {
    T was = *at;
    if (was == old) *at = by;
    return was;
}
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
inline int __clz(int x) { return x ? __builtin_clz(unsigned(x)) : 32; }
inline int __clzll(long long x) { return x ? __builtin_clzll((unsigned long long)x) : 64; }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __ffsll(long long x) { return __builtin_ffsll(x); }
template <class To, class From> inline To emulation_bits(From x) {
    static_assert(sizeof(To) == sizeof(From));
    To y;
    std::memcpy(&y, &x, sizeof y);
    return y;
}
inline unsigned __float_as_uint(float x) { return emulation_bits<unsigned>(x); }
inline int __float_as_int(float x) { return emulation_bits<int>(x); }
inline float __uint_as_float(unsigned x) { return emulation_bits<float>(x); }
inline float __int_as_float(int x) { return emulation_bits<float>(x); }
inline long long __double_as_longlong(double x) { return emulation_bits<long long>(x); }
inline double __longlong_as_double(long long x) { return emulation_bits<double>(x); }
inline float __fmaf_rn(float a, float b, float c) { return std::fma(a, b, c); }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdividef(float a, float b) { return a / b; }
inline float __frcp_rn(float a) { return 1 / a; }
inline float __fsqrt_rn(float a) { return std::sqrt(a); }
inline float rsqrtf(float a) { return 1 / std::sqrt(a); }
inline float __expf(float a) { return std::exp(a); }
inline float __logf(float a) { return std::log(a); }
inline float __powf(float a, float b) { return std::pow(a, b); }
inline int __float2int_rn(float a) { return int(std::nearbyint(a)); }
#define EMULATE_MIN_MAX(T)                                    \
    inline T min(T a, T b) { return b < a ? b : a; }          \
    inline T max(T a, T b) { return a < b ? b : a; }
EMULATE_MIN_MAX(int)
EMULATE_MIN_MAX(unsigned)
EMULATE_MIN_MAX(long)
EMULATE_MIN_MAX(unsigned long)
EMULATE_MIN_MAX(long long)
EMULATE_MIN_MAX(unsigned long long)
EMULATE_MIN_MAX(float)
EMULATE_MIN_MAX(double)
