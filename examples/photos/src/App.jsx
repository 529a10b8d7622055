import { useEffect, useState } from "react";

import { signIn, signOut } from "./auth.js";
import { openFolders } from "./store.js";

export default function App() {
  const [user, setUser] = useState(null);

  return (
    <main>
      <header>
        <h1>Photos</h1>
        {user && (
          <p>
            {user.name} ·{" "}
            <button className="link" onClick={() => signOut().then(() => setUser(null))}>Sign out</button>
          </p>
        )}
      </header>
      {user ? <Album key={user.identityId} user={user} /> : <SignIn onUser={setUser} />}
    </main>
  );
}

function SignIn({ onUser }) {
  const [busy, attempt, problem] = useAttempt();

  return (
    <form
      className="card"
      onSubmit={(event) => {
        event.preventDefault();
        const name = new FormData(event.target).get("user");
        attempt(async () => onUser(await signIn(name)));
      }}
    >
      <h2>Sign in</h2>
      <p>In development, any name will do: each gets an identity of its own.</p>
      <div className="row">
        <input name="user" aria-label="User" placeholder="alice" required autoFocus />
        <button disabled={busy}>Sign in</button>
      </div>
      {problem}
    </form>
  );
}

function Album({ user }) {
  const [{ list, remove, upload }] = useState(openFolders);
  const [folder, setFolder] = useState(user.identityId);
  const [photos, setPhotos] = useState(null);
  const [busy, attempt, problem] = useAttempt();

  const show = (identityId) => attempt(async () => {
    setFolder(identityId);
    setPhotos(null);
    setPhotos(await list(identityId));
  });
  useEffect(() => { show(user.identityId); }, [user]);

  const change = (action) => attempt(async () => {
    await action();
    setPhotos(await list(folder));
  });

  return (
    <>
      <section className="card">
        <h2>Your folder</h2>
        <p><code data-testid="identity">{user.identityId}</code></p>
        <div className="row">
          <label className="button">
            Add a photo
            <input type="file" accept="image/*" disabled={busy} onChange={({ target }) => change(async () => {
              for (const file of target.files) await upload(folder, file);
              target.value = "";
            })} />
          </label>
          <button className="quiet" disabled={busy} onClick={() => show(user.identityId)}>Show my photos</button>
        </div>
      </section>

      {problem}

      {photos?.length === 0 && <p className="empty">No photos yet.</p>}
      <ul className="photos">
        {photos?.map((photo) => (
          <li key={photo.key}>
            <img src={photo.url} alt={photo.name} />
            <p>
              <span>{photo.name}</span>
              <button className="link" onClick={() => change(() => remove(photo.key))}>Delete</button>
            </p>
          </li>
        ))}
      </ul>

      <form
        className="card"
        onSubmit={(event) => {
          event.preventDefault();
          show(new FormData(event.target).get("identity"));
        }}
      >
        <h2>Somebody else’s folder</h2>
        <p>Try it with the identity of another user: the policy of your role ends at your own folder.</p>
        <div className="row">
          <input name="identity" aria-label="Identity" placeholder="us-east-1:…" required />
          <button className="quiet" disabled={busy}>Look into it</button>
        </div>
      </form>
    </>
  );
}

// useAttempt runs an action at a time, and shows why the last one failed.
function useAttempt() {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(null);

  const attempt = async (action) => {
    setBusy(true);
    setError(null);
    try {
      await action();
    } catch (reason) {
      setError(reason);
    } finally {
      setBusy(false);
    }
  };
  const problem = error && (
    <p role="alert">
      <strong>{error.name}</strong> {error.message}
      {error.$metadata?.requestId && <small>poolhouse explain {error.$metadata.requestId}</small>}
    </p>
  );

  return [busy, attempt, problem];
}
