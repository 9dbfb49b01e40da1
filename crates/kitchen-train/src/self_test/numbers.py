"""The numbers of `self_test.rs`, in double precision and plain Python.

    python3 numbers.py

prints the loss and the gradient norm of one step of SGD on a tiny perceptron, and its outputs
after the step.
"""

import math

INPUTS, HIDDEN, CLASSES, EXAMPLES, RATE = 3, 5, 4, 6, 0.5


def pattern(count, factor, offset):
    """Eighths from -5/8 to 5/8, which single precision holds exactly."""
    return [((place * factor + offset) % 11 - 5) / 8 for place in range(count)]


def rows(values, width):
    return [values[start : start + width] for start in range(0, len(values), width)]


first, first_bias = rows(pattern(HIDDEN * INPUTS, 7, 3), INPUTS), pattern(HIDDEN, 4, 1)
second, second_bias = rows(pattern(CLASSES * HIDDEN, 5, 2), HIDDEN), pattern(CLASSES, 3, 6)
examples = rows(pattern(EXAMPLES * INPUTS, 3, 0), INPUTS)
targets = [place % CLASSES for place in range(EXAMPLES)]


def linear(x, weight, bias):
    return [sum(a * b for a, b in zip(row, x)) + c for row, c in zip(weight, bias)]


def outputs(x):
    hidden = [max(value, 0.0) for value in linear(x, first, first_bias)]
    return hidden, linear(hidden, second, second_bias)


loss, norm = 0.0, 0.0
d_first, d_first_bias = [[0.0] * INPUTS for _ in range(HIDDEN)], [0.0] * HIDDEN
d_second, d_second_bias = [[0.0] * HIDDEN for _ in range(CLASSES)], [0.0] * CLASSES
for x, target in zip(examples, targets):
    hidden, logits = outputs(x)
    total = sum(math.exp(logit) for logit in logits)
    loss += (math.log(total) - logits[target]) / EXAMPLES
    d_logits = [math.exp(logit) / total / EXAMPLES for logit in logits]
    d_logits[target] -= 1 / EXAMPLES
    for unit in range(CLASSES):
        d_second_bias[unit] += d_logits[unit]
        for below in range(HIDDEN):
            d_second[unit][below] += d_logits[unit] * hidden[below]
    for unit in range(HIDDEN):
        if hidden[unit] > 0:
            d_unit = sum(d_logits[above] * second[above][unit] for above in range(CLASSES))
            d_first_bias[unit] += d_unit
            for below in range(INPUTS):
                d_first[unit][below] += d_unit * x[below]

for weights, gradients in [(first, d_first), (second, d_second), ([first_bias], [d_first_bias]), ([second_bias], [d_second_bias])]:
    for row, d_row in zip(weights, gradients):
        for place, gradient in enumerate(d_row):
            norm += gradient**2
            row[place] -= RATE * gradient

print(f"loss {loss:.9f}")
print(f"gradient norm {math.sqrt(norm):.9f}")
for x in examples:
    print(", ".join(f"{logit:.9f}" for logit in outputs(x)[1]) + ",")
