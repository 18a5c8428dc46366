"""Check the gradients that training uses, three ways, and the update rules of the optimizers.

``framework`` differentiates the model that is trained, ``by_hand`` the same network in
``textbook``, ``finite_differences`` its loss; ``check`` compares them.
"""
