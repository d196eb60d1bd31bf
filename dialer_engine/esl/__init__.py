"""FreeSWITCH, the twin of ami, file by file."""
