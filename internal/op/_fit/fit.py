#!/usr/bin/env python3
"""Prints ../zcoef.go, for gofmt: the polynomials and constants of the math rows.

Each polynomial is the least-squares fit at Chebyshev nodes, which is within a small factor of the
best one. Coefficients are rounded to the target type from the lowest on, and those that follow are
fitted again to what is left, so that they make up for the rounding. Needs mpmath.
"""
import struct
from mpmath import mp, mpf, pi, cos, log, sqrt, ln, floor, frexp, lu_solve, matrix, nstr

mp.prec = 400


def round_bits(x, bits):
    """x rounded to nearest in a significand of so many bits."""
    x = mpf(x)
    if x == 0:
        return x
    m, ex = frexp(x)
    m = m * mpf(2) ** bits
    n = floor(m + mpf(1) / 2)
    return mpf(n) * mpf(2) ** (ex - bits)


def truncate_bits(x, bits):
    """x cut off after so many bits."""
    m, ex = frexp(mpf(x))
    return mpf(floor(m * mpf(2) ** bits)) * mpf(2) ** (ex - bits)


def least_squares(f, xs, first, last):
    """The coefficients of x^first … x^last that fit f best on the points xs."""
    powers = range(first, last + 1)
    m = matrix(len(powers), len(powers))
    v = matrix(len(powers), 1)
    for x, y in zip(xs, map(f, xs)):
        for i, p in enumerate(powers):
            v[i] += y * x ** p
            for k, q in enumerate(powers):
                m[i, k] += x ** (p + q)
    return lu_solve(m, v)


def fit(f, a, b, n, bits):
    """Rounded coefficients of degree n, from the constant on."""
    a, b = mpf(a), mpf(b)
    nodes = 4 * n + 9
    xs = [(a + b) / 2 + (b - a) / 2 * cos(pi * (2 * k + 1) / (2 * nodes)) for k in range(nodes)]
    done = []
    for i in range(n + 1):
        left = lambda x: f(x) - sum(c * x ** k for k, c in enumerate(done))
        done.append(round_bits(least_squares(left, xs, i, n)[0], bits))
    worst = max(abs(f(x) - sum(c * x ** k for k, c in enumerate(done)))
                for x in [a + (b - a) * k / 1000 for k in range(1001)])
    return done, worst


def literal(x, bits):
    """A Go hexadecimal literal, exact."""
    if bits == 24:
        v = struct.unpack('f', struct.pack('f', float(x)))[0]
    else:
        v = float(x)
    assert mpf(v) == x, x
    return v.hex()


def emit(name, doc, f, a, b, n, bits):
    c, worst = fit(f, a, b, n, bits)
    print('// %s: %s; absolute error below 2^%s.' % (name, doc, nstr(log(worst, 2), 4)))
    print('var %s = []float64{' % name)
    for x in c:
        print('\t%s,' % literal(x, bits))
    print('}\n')


def split(name, doc, x, *bits):
    """Constants whose sum is x; the last bits are rounded, those before cut."""
    print('// %s: %s, in parts.' % (name, doc))
    print('var %s = []float64{' % name, end='')
    parts = []
    for i, b in enumerate(bits):
        v = round_bits(x, b[1]) if i == len(bits) - 1 else truncate_bits(x, b[0])
        parts.append(literal(v, b[1]))
        x -= v
    print(', '.join(parts) + '}\n')


def near_zero(series):
    """A function that is summed as a power series: coefficients for k = 0, 1, 2 …"""
    def f(x):
        s, t, k = mpf(0), mpf(1), 0
        while k < 400:
            s += series(k) * t
            t *= x
            k += 1
            if abs(t) < mpf(2) ** -420:
                break
        return s
    return f


fact = [mpf(1)]
for k in range(1, 900):
    fact.append(fact[-1] * k)

expm1 = near_zero(lambda k: 1 / fact[k + 2])                       # (exp(x)-1-x)/x²
log1p = near_zero(lambda k: mpf((-1) ** k) / (k + 3))              # (log(1+x)-x+x²/2)/x³
log2p = near_zero(lambda k: mpf((-1) ** (k + 1)) / (k + 2))           # (log(1+x)-x)/x²
atanh1 = near_zero(lambda k: mpf(2) / (2 * k + 3))                 # (2·atanh(√z)/√z-2)/z
sine = near_zero(lambda k: mpf((-1) ** (k + 1)) / fact[2 * k + 3])  # (sin(√z)/√z-1)/z
cosine = near_zero(lambda k: mpf((-1) ** k) / fact[2 * k + 4])     # (cos(√z)-1+z/2)/z²


def table(name, doc, values, bits):
    """An array."""
    print('// %s is %s.' % (name, doc))
    print('var %s = [...]float%d{' % (name, 32 if bits == 24 else 64))
    for x in values:
        print('\t%s,' % literal(x, bits))
    print('}\n')


# Significands are cut into sixteen: from 1-shift/2 on, and then from each 1 + i/16 - shift on.
shift = mpf(1) / 32


def log_tables():
    inverses, high, low = [mpf(1)], [mpf(0)], [mpf(0)]
    for i in range(1, 16):
        first, last = 1 + mpf(i) / 16 - shift, 1 + mpf(i + 1) / 16 - shift
        c = min((mpf(k) / 256 for k in range(128, 257)), key=lambda c: max(abs(first * c - 1), abs(last * c - 1)))
        assert max(abs(first * c - 1), abs(last * c - 1)) < mpf('0.0315')
        v = -ln(c)
        h = mpf(floor(v * 2 ** 42)) / 2 ** 42
        inverses.append(c)
        high.append(h)
        low.append(round_bits(v - h, 53))
    table('LogInverse', 'reciprocals of numbers near the significands of each sixteenth', inverses, 53)
    table('LogHigh', 'minus their logarithms, cut to a multiple of 2^-42', high, 53)
    table('LogLow', 'what LogHigh lacks', low, 53)
    table('LogSum', 'both, rounded', [round_bits(-ln(c), 53) for c in inverses], 53)


def exp_tables():
    high = [truncate_bits(mpf(2) ** (mpf(i) / 16) / 2, 23) for i in range(16)]
    low = [round_bits(ln(mpf(2) ** (mpf(i) / 16) / 2 / h), 53) for i, h in enumerate(high)]
    table('ExpHalf', '2^(i/16)/2, cut to 23 bits', high, 53)
    table('ExpLow', 'the logarithm of what ExpHalf lacks as a factor', low, 53)


def tanh_tables():
    """For float32, of x up to 10: the intervals in which 1+x has the same bits above the lowest 20, each in the place
    that the five lowest of those are. Polynomials have their origin where tanh is closest to a float32."""
    rows = [[mpf(0)] * 7] * 32
    for i in range(27):
        e, f = divmod(i, 8)
        first, last = mpf(2) ** e * (1 + mpf(f) / 8) - 1, mpf(2) ** e * (1 + mpf(f + 1) / 8) - 1
        if i == 0:
            first, c = -last, mpf(0)
        else:
            miss = lambda c: abs(mp.tanh(c) - round_bits(mp.tanh(c), 24))
            far = 400 if e > 1 else 40 # of 1000: where the polynomial has terms to spare
            near = sorted(((first + last) / 2 + k * (last - first) / 1024 for k in range(-far, far + 1)), key=miss)
            c = min(near[:6], key=lambda c: miss(c) + fit_tanh(c, first - c, last - c)[1])
        rows[(127 * 8 + i) % 32] = [c] + fit_tanh(c, first - c, last - c)[0]
    names = ['TanhCentre'] + ['Tanh%d' % k for k in range(6)]
    docs = ['where the polynomials of tanh in its intervals have their origin', 'their constants',
            'their slopes'] + ['their coefficients of power %d' % k for k in range(2, 6)]
    for k, name in enumerate(names):
        table(name, docs[k], [r[k] for r in rows], 24)


def fit_tanh(c, a, b):
    """Coefficients around c, for a to b from there, and their error."""
    at = mp.tanh(c)
    if c == 0:
        done, _ = fit(lambda x: (mp.tanh(x) / x - 1) / x ** 2, mpf(2) ** -20, b, 2, 24)
        return [at, mpf(1), mpf(0)] + done, 0
    slopes = lambda d: (mp.tanh(c + d) - at) / d if abs(d) > mpf(2) ** -100 else 1 - at ** 2
    done, worst = fit(slopes, a, b, 4, 24)
    return [round_bits(at, 24)] + done, worst * max(-a, b)


print('// Code generated by _fit/fit.py. DO NOT EDIT.\n\npackage op\n')
h = ln(2) / 2 * mpf('1.01')
emit('exp32', '(e^x - 1 - x)/x² on ±ln2/2', expm1, -h, h, 4, 24)
emit('expm132', 'the same with a term more', expm1, -h, h, 5, 24)
emit('log32', '(log(1+x) - x + x²/2)/x³ for x from -5/16 to 3/8', log1p, -mpf(5) / 16, mpf(3) / 8, 7, 24)
s = (sqrt(2) - 1) / (sqrt(2) + 1)
z = s * s * mpf('1.001')
emit('log64', '(2·atanh(√z)/√z - 2)/z, where √z = (x-1)/(x+1), x from √½ to √2', atanh1, 0, z, 6, 53)
emit('logLong', '(log(1+x) - x + x²/2)/x³ for x of tabledLog', log1p, -mpf('0.0315'), mpf('0.0315'), 9, 53)
emit('logShort', '(log(1+x) - x)/x² for them, for float32 by way of float64', log2p, -mpf('0.0315'), mpf('0.0315'), 5, 53)
h = ln(2) / 32 * mpf('1.001')
emit('expTable', '(e^x - 1 - x)/x² on ±ln2/32', expm1, -h, h, 5, 53)
emit('expTableShort', 'the same, for float32 by way of float64', expm1, -h, h, 2, 53)
q = pi / 4 * mpf('1.001')
emit('sin32', '(sin(√z)/√z - 1)/z on 0 to (π/4)²', sine, 0, q * q, 2, 24)
emit('cos32', '(cos(√z) - 1 + z/2)/z² on 0 to (π/4)²', cosine, 0, q * q, 2, 24)
q = pi / 4 * mpf('1.0001')
emit('sin64', 'as sin32', sine, 0, q * q, 5, 53)
emit('cos64', 'as cos32', cosine, 0, q * q, 5, 53)
split('ln2Parts32', 'ln 2', ln(2), (15, 24), (24, 24))
split('ln2Parts64', 'ln 2', ln(2), (42, 53), (53, 53))
split('ln2Sum32', 'ln 2', ln(2), (24, 24), (24, 24))
split('log2Scale', '1/ln 2', 1 / ln(2), (53, 53), (53, 53))
split('log10Scale', '1/ln 10', 1 / ln(10), (53, 53), (53, 53))
split('ln2Sixteenth', 'ln 2/16', ln(2) / 16, (37, 53), (53, 53))
split('log2eSixteen', '16/ln 2', 16 / ln(2), (53, 53))
split('halfPi32', 'π/2', pi / 2, (21, 24), (24, 24), (24, 24))
split('halfPi64', 'π/2', pi / 2, (33, 53), (53, 53), (53, 53))
log_tables()
exp_tables()
tanh_tables()
