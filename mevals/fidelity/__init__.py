"""In which language an answer is: lines, their labels by an exchangeable identifier, and pass rates made of them.

An answer in a wrong language can score well (chrF gives 37 points to Spanish where Portuguese was asked for), so every
generated text is also asked whether it is in the language that was wanted.
"""
