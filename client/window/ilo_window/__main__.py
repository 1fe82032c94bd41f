import sys

from ilo_window.main import main

sys.exit(main())
