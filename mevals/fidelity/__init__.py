"""In which language an answer is: lines, their labels by an exchangeable identifier, and pass rates made of them.

A wrong-language answer can score well (chrF rewards Portuguese where Danish was asked for; COMET gives a copied source
two thirds of its scale), so every generated text is also asked whether it is in the language that was wanted.
"""
