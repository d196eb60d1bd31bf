"""The gate. Pure: facts and a moment in, a permit or a denial with every reason out. Only this room
mints permits.
"""
