"""Small programs, each with one fault, and healthy ones that look like them.

Plain PyTorch: they import nothing of graphscope. A line at which something is wrong
ends with a comment `# finds: none-grad`; a program without one is healthy.
"""
