"""`python -m dialer_engine` is `dialer-engine`."""

from dialer_engine.cli.main import main

if __name__ == "__main__":
    main()
