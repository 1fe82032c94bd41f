"""Operations of one tag of the contract, a module each."""
