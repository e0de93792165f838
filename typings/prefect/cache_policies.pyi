INPUTS: object
